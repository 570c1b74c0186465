const units: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Of a Kubernetes quantity (apimachinery's resource.Quantity): `10Gi`, `1e9`, `0.5`. Throws on anything else. */
export function bytesOf(quantity: string | number): number {
  const match = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|([KMGTPE]i|[mkMGTPE])?)$/.exec(String(quantity));
  if (match === null) throw new Error(`${quantity} is no quantity such as 10Gi`);
  const [, number, exponent, unit = ""] = match;
  return exponent === undefined ? Math.floor(Number(number) * units[unit]!) : Number(`${number}${exponent}`);
}
