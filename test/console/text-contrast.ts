/// <reference lib="dom" />
import type { Page } from "playwright-core";

interface FaintText {
  readonly text: string;
  readonly ratio: number;
}

/** Visible texts whose contrast with what is behind them is below WCAG's 4.5 to 1. */
export function faintTexts(page: Page): Promise<FaintText[]> {
  return page.evaluate(() => {
    const parse = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: readonly number[]): number => {
      const linear = colour.slice(0, 3).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
    };
    const behind = (from: Element): number[] => {
      for (let at: Element | null = from; at !== null; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour.length === 3 || colour[3] === 1) return colour;
      }
      return [255, 255, 255];
    };
    const found: FaintText[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement!;
      const text = node.textContent!.trim();
      const style = getComputedStyle(parent);
      if (text === "" || !parent.checkVisibility() || style.clipPath !== "none") continue;
      const isDrawn = parent instanceof SVGElement;
      const colours = [parse(isDrawn ? style.fill : style.color), behind(parent)].map(luminance);
      const ratio = (Math.max(...colours) + 0.05) / (Math.min(...colours) + 0.05);
      if (ratio < 4.5) found.push({ text, ratio });
    }
    return found;
  });
}
