import type { Terminal } from '../terminal.ts'

const ERASE_LINE = '\r\u001b[2K'
/** The moving line is renewed at most so often, in milliseconds; more would not be seen. */
const REDRAWN_EVERY = 80

/** Lines that stay and, on a terminal, below them one that moves. */
export interface LiveLines {
  /** Whether there is a moving line: not in a log. */
  readonly live: boolean
  /** Writes a line that stays. */
  say(text: string): void
  /** Draws the moving line. */
  move(text: string): void
  /** As `move`, but at most every 80 ms unless it `must`; the text is made only when it is drawn. */
  moveInTime(text: () => string, must?: boolean): void
  /** Takes the moving line away. */
  clear(): void
}

export function liveLines(terminal: Terminal): LiveLines {
  const live = terminal.outputIsTerminal
  let drawn = 0
  const move = (text: string): void => {
    if (live) terminal.write(ERASE_LINE + text)
  }
  return {
    live,
    say: (text) => terminal.write(`${live ? ERASE_LINE : ''}${text}\n`),
    move,
    moveInTime(text, must = false) {
      const now = performance.now()
      if (!live || (now - drawn < REDRAWN_EVERY && !must)) return
      drawn = now
      move(text())
    },
    clear: () => move(''),
  }
}
