/** A worker that dies of seed 2, hangs at seed 3, and finds nothing wrong with the others. */
process.on("message", (job: { readonly seed: number }) => {
  if (job.seed === 2) process.exit(7);
  if (job.seed === 3) return;
  process.send?.({
    traceHash: String(job.seed),
    simulatedMs: 1,
    steps: 1,
    coverage: [],
    lastEvents: [],
    cpuMs: 1,
  });
});
process.on("disconnect", () => process.exit(0));
