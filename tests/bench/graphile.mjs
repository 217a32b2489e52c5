// Drains no-op jobs with graphile-worker, which completes each by itself, and prints the seconds.
// node graphile.mjs FOLDER DATABASE_URL JOBS CONCURRENCY
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, connectionString, jobs, concurrency] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { Logger, makeWorkerUtils, runOnce } = require("graphile-worker");
const { Pool } = require("pg");

const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
await utils.withPgClient((client) =>
  client.query(
    `SELECT graphile_worker.add_jobs(ARRAY(
       SELECT ('noop', '{}'::json, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec
       FROM generate_series(1, $1::int)))`,
    [jobs],
  ),
);
await utils.release();

const pgPool = new Pool({ connectionString, max: Number(concurrency) + 2 });
let done = 0;
const begun = performance.now();
await runOnce({
  pgPool,
  logger,
  concurrency: Number(concurrency),
  taskList: {
    noop: () => {
      done += 1;
    },
  },
});
const seconds = (performance.now() - begun) / 1000;
await pgPool.end();
if (done !== Number(jobs)) {
  throw new Error(`${done} of ${jobs} jobs ran`);
}
console.log(seconds);
