/** Controls ask faster than answers come: only the newest question counts. */

/**
 * Send the newest message only: while one is under way, later ones replace each other.
 * @param {(message: object) => Promise<any>} ask
 * @param {(frames: any) => void} draw
 * @param {(error: Error) => void} fail
 * @param {(milliseconds: number) => void} [timed] from the call to the drawn answer
 */
export function latest(ask, draw, fail, timed = () => {}) {
  let busy = false;
  let waiting = null;
  const run = async ({ message, since }) => {
    busy = true;
    try {
      draw(await ask(message));
      timed(performance.now() - since);
    } catch (error) {
      fail(error);
    }
    busy = false;
    if (waiting) {
      const next = waiting;
      waiting = null;
      run(next);
    }
  };
  return (message) => {
    const job = { message, since: performance.now() };
    if (busy) waiting = job;
    else run(job);
  };
}
