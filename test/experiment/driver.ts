/** A driver for the tests: `driver.ts WORKSPACE LOG UNTIL` submits one task that waits for the file UNTIL. */
import { experiment } from '../../lib/experiment/index.ts';
import { Waits } from './tasks.ts';

const [workspace = '', log = '', until = ''] = process.argv.slice(2);
const xp = experiment('driver', workspace);
new Waits({ id: 1, log, until }).submit();
xp.wait().then(
  () => console.log('driver done'),
  (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
);
