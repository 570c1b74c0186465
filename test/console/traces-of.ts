/** Whether a text has any of the secrets in it: as it is, or in an encoding in which bytes are written down. */
export function tracesOf(secrets: readonly string[], text: string): string[] {
  return secrets.filter((secret) => spellings(secret).some((spelling) => text.includes(spelling)));
}

function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // In a longer text, base64 depends on what comes before: the middle of each of three alignments.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [
    secret,
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    encodeURIComponent(secret),
    [...bytes].join(","),
    [...bytes].join(", "),
    ...shifted,
  ];
}
