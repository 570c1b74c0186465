import type { ConsoleState } from "@rstore/replica/console/console-state";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { useCluster } from "../cluster/use-cluster.ts";
import { chromiumPath, launchBrowser } from "./browser.ts";
import { faintTexts } from "./text-contrast.ts";

if (chromiumPath === undefined) console.warn("SKIPPED: the console in a browser; there is no Chromium here");

const patience = { timeoutMs: 40_000 };

describe.skipIf(chromiumPath === undefined)("the console in a browser", { timeout: 120_000 }, () => {
  const cluster = useCluster(3);
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  interface OpenPage {
    readonly page: Page;
    /** Errors of scripts, and what the browser refused. */
    readonly complaints: string[];
    readonly requests: string[];
  }

  async function open(
    { metricsUrl }: ReplicaProcess,
    options: NonNullable<Parameters<Browser["newPage"]>[0]> = {},
    prepare: (page: Page) => Promise<void> = async () => {},
  ): Promise<OpenPage> {
    const page = await browser.newPage(options);
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("request", (request) => requests.push(request.url()));
    await prepare(page);
    await page.goto(`${metricsUrl}/console`);
    await sees(page, "#connection", /^live$/);
    return { page, complaints, requests };
  }

  async function sees(page: Page, selector: string, wanted: RegExp): Promise<void> {
    const text = async () => (await page.locator(selector).allInnerTexts()).join("\n");
    await eventually(`${selector} says ${wanted}`, async () => wanted.test(await text()), patience).catch(
      async (error: Error) => {
        throw new Error(`${error.message}; it says: ${await text()}`);
      },
    );
  }

  const row = (name: string): string => `#member-rows tr:has(.name:text-is("${name}"))`;

  /** A page whose replica says what the test wants, from its first answer on. */
  async function openWith(change: (state: ConsoleState) => ConsoleState): Promise<OpenPage> {
    return open(cluster().replica(0), {}, (page) =>
      page
        .route("**/console/state.json*", async (route) => {
          const response = await route.fetch();
          await route.fulfill({ json: change((await response.json()) as ConsoleState) });
        })
        .then(() => {}),
    );
  }

  it("each replica shows all members, and loads nothing from anywhere else", async () => {
    const leader = await cluster().leader();
    for (const replica of cluster().replicas) {
      const { page, complaints, requests } = await open(replica);
      await sees(page, "#headline", /^Healthy$/);
      await sees(page, "#details", new RegExp(`3 of 3 voters answer. ${leader.name} leads in term \\d+`));
      for (const { name } of cluster().replicas) {
        await sees(page, row(name), name === leader.name ? /leader\s+up/ : /follower\s+up/);
      }
      await sees(page, row(replica.name), /this replica/);
      expect(await page.locator("[role=columnheader]").count()).toBe(9);
      expect(complaints).toEqual([]);
      expect(requests.filter((url) => !url.startsWith(`${replica.metricsUrl}/console`))).toEqual([]);
    }
  });

  it("a leader that is killed, and the next one, are seen live and read out", async () => {
    const victim = await cluster().leader();
    const watched = await cluster().follower();
    const { page } = await open(watched);
    await sees(page, "#headline", /^Healthy$/);
    await victim.kill();
    const next = await cluster().leader();
    await sees(page, row(victim.name), /no answer for \d+ s/);
    await sees(page, row(next.name), /leader/);
    await sees(page, "#headline", new RegExp(`^${victim.name} does not answer$`));
    await sees(page, "#details", /One more loss stops writes/);
    await sees(page, "#figures", new RegExp(`Leader\\s+${next.name}`));
    const leads = next === watched ? "this replica" : next.name;
    await sees(page, "#event-list", new RegExp(`${leads} leads in term`));
    await sees(page, "#announcer", new RegExp(`${next.name} leads now|does not answer`));
    await victim.start();
    await sees(page, row(victim.name), /follower\s+up/);
    await sees(page, "#headline", /^Healthy$/);
  });

  it("says when its own replica is gone, and goes on when it is back", async () => {
    const replica = await cluster().follower();
    const { page } = await open(replica);
    await replica.kill();
    await sees(page, "#connection", /no answer since/);
    await sees(page, "#headline", /This replica does not answer/);
    await replica.start();
    await sees(page, "#connection", /^live$/);
    await sees(page, "#headline", /^Healthy$/);
    await sees(page, "#identity", /up for \d+ s/);
  });

  it("charts follow the traffic, by keyboard too, and are there as a table", async () => {
    const { page } = await open(await cluster().leader());
    const client = cluster().client();
    const plot = page.locator(".plot").first();
    await eventually(
      "requests are drawn",
      async () => {
        await client.put("traffic", "1");
        return /requests [1-9]/.test((await plot.getAttribute("aria-valuetext")) ?? "");
      },
      patience,
    );
    await plot.focus();
    const before = Number(await plot.getAttribute("aria-valuenow"));
    await page.keyboard.press("Home");
    expect(Number(await plot.getAttribute("aria-valuenow"))).toBe(0);
    expect(before).toBeGreaterThan(0);
    await sees(page, ".chart:first-child .at", /^at \d\d:\d\d:\d\d$/);
    await page.keyboard.press("Escape");
    await sees(page, ".chart:first-child .at", /^now$/);
    await page.locator("summary").click();
    await sees(page, "#history-rows", /\d\d:\d\d\s+.*\/s/);
  });

  it("shows both halves of a joint configuration, and names as text", async () => {
    const name = '<img src="x" onerror="alert(1)">';
    const { page, complaints } = await openWith((state) => {
      const [first, second, third] = state.members;
      return {
        ...state,
        members: [first!, second!, { ...third!, name, kind: "outgoing" }],
        configuration: {
          ...state.configuration!,
          joint: true,
          voters: [first!.id, second!.id],
          outgoing: [first!.id, third!.id],
        },
      };
    });
    await sees(page, "#headline", /membership is changing/);
    await sees(page, "#configuration", /Voters, coming\s+r1\s+\+ r2/);
    await sees(page, "#configuration", /Voters, going\s+− <img/);
    await sees(page, ".changes", /r2 gets a vote; <img .* leaves\. Until it is done, .* both halves/);
    await sees(page, "#member-rows", /leaving/);
    expect(await page.locator("#members img, #configuration img").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("is legible in light and dark, and fits a narrow screen", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await open(cluster().replica(1), {
        colorScheme,
        viewport: { width: 360, height: 800 },
      });
      await sees(page, "#member-rows", /follower/);
      expect(await faintTexts(page)).toEqual([]);
      const overhang = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overhang).toBe(0);
    }
  });

  it("moves nothing for those who want no motion", async () => {
    const moving = async (reducedMotion: "reduce" | "no-preference") => {
      const { page } = await open(cluster().replica(0), { reducedMotion });
      return page.evaluate(() => document.getAnimations().length);
    };
    expect(await moving("no-preference")).toBeGreaterThan(0);
    expect(await moving("reduce")).toBe(0);
  });
});
