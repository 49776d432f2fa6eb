/** What the process answers: the user's mistakes, the command line's, ours, and an interruption apart. */
export const exitCode = {
  success: 0,
  userError: 1,
  usage: 2,
  /** EX_SOFTWARE of sysexits.h. */
  internal: 70,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const
