/**
 * Preloaded (--import) into a process whose clock is to be off: by CLOCK_SHIFT_SECONDS, as wall clocks are; monotonic
 * time stays right.
 */
const shift = Number(process.env['CLOCK_SHIFT_SECONDS'] ?? 0) * 1000;
const RealDate = Date;
const realNow = Date.now.bind(Date);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [realNow() + shift] : args, newTarget),
  apply: () => new RealDate(realNow() + shift).toString(),
});
Date.now = () => realNow() + shift;
