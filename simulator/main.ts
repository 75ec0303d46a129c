import closeWithGrace from 'close-with-grace';
import { startSimulator } from './index.ts';

/** The entry point of the simulator. It has its own environment variables and shares no configuration with the service. */
const { env } = process;

function number(name: string, fallback: number, maximum: number): number {
  const text = env[name] ?? '';
  const value = text === '' ? fallback : Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= maximum) return value;
  process.stderr.write(`${name} must be a number from 0 to ${maximum}, not "${text}"\n`);
  return process.exit(1);
}

const simulator = await startSimulator({
  port: number('SIMULATOR_PORT', 4566, 65_535),
  // Callers are not authenticated, so listening beyond loopback, as a container must, needs an explicit setting.
  host: env['SIMULATOR_HOST'] ?? '127.0.0.1',
  copySeconds: number('SIMULATOR_COPY_SECONDS', 8, 86_400),
  throttle: env['SIMULATOR_THROTTLE'] === '1',
}).catch((error: unknown) => {
  process.stderr.write(`The EC2 simulator did not start: ${String(error)}\n`);
  process.exit(1);
});

process.stdout.write(`EC2 simulator (in memory, no signatures verified) at ${simulator.url}\n`);
closeWithGrace({ delay: 5_000 }, () => simulator.close());
