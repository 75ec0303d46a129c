/** EC2 calls that the service never makes itself, as an administrator makes them in AWS' console. */
export class Ec2Actions {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws if EC2 refuses it */
  async call(region: string, action: string, parameters: Record<string, string> = {}): Promise<void> {
    const credential = `111111111111/20261123/${region}/ec2/aws4_request`;
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`,
      },
      body: new URLSearchParams({ Action: action, Version: '2016-11-15', ...parameters }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${action} in ${region}: ${text}`);
  }
}
