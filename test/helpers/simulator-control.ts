import type { Fault, LedgerView, NewImage, Settings } from '../../simulator/index.ts';

/** A client of the simulator's control routes. */
export class SimulatorControl {
  readonly #url: string;

  constructor(url: string) {
    this.#url = `${url}/_simulator`;
  }

  async calls(): Promise<LedgerView> {
    const response = await fetch(`${this.#url}/calls`);
    return (await response.json()) as LedgerView;
  }

  fault(fault: Fault): Promise<unknown> {
    return this.#post('faults', fault);
  }

  addImages(images: readonly NewImage[]): Promise<unknown> {
    return this.#post('images', images);
  }

  addImage(image: NewImage): Promise<unknown> {
    return this.#post('images', image);
  }

  /** Sets the state of an image, as EC2 or an administrator might. */
  setState(imageId: string, state: string): Promise<unknown> {
    return this.#post(`images/${imageId}`, { state });
  }

  /** Sets the accounts of an organizational unit, and the units below it. */
  organizationalUnit(
    id: string,
    unit: { accounts: string[]; suspended?: string[]; units?: string[] },
  ): Promise<unknown> {
    return this.#post(`organizational-units/${id}`, unit);
  }

  settings(settings: Partial<Settings>): Promise<unknown> {
    return this.#post('settings', settings);
  }

  advanceSeconds(advanceSeconds: number): Promise<unknown> {
    return this.#post('clock', { advanceSeconds });
  }

  /** Resets images, settings and time to those of the start. */
  reset(): Promise<unknown> {
    return this.#post('reset', {});
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.#url}/faults`, { method: 'DELETE' });
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the simulator refused ${path}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
