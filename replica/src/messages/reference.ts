import type { Message } from "./message.ts";

interface Chapter {
  readonly title: string;
  readonly messages: Readonly<Record<string, Message>>;
}

/** The page of the documentation that a table of messages makes. */
export function messageReference(introduction: string, chapters: readonly Chapter[]): string {
  const parts = chapters.map(({ title, messages }) => {
    const sections = Object.entries(messages).map(([id, message]) => section(id, message));
    return `## ${title}\n\n${sections.join("\n")}`;
  });
  return `${introduction}\n${parts.join("\n")}`;
}

function section(id: string, message: Message): string {
  const { level, text, fields, repeats, meaning, action } = message;
  const lines = [`### ${id}`, "", `*${level}*: \`${text}\``, "", meaning, "", `**What to do:** ${action}`];
  const names = Object.entries(fields);
  if (names.length > 0) lines.push("", names.map(([name, what]) => `- \`${name}\`: ${what}`).join("\n"));
  if (repeats !== undefined) lines.push("", `At most one line ${often(repeats)}.`);
  return `${lines.join("\n")}\n`;
}

function often({ everyMs, by }: NonNullable<Message["repeats"]>): string {
  const seconds = everyMs / 1000;
  const time = seconds === 1 ? "a second" : `in ${seconds} s`;
  return by.length === 0 ? time : `${time} for each ${by.map((name) => `\`${name}\``).join(" and ")}`;
}
