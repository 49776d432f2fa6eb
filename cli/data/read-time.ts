/** Dates in text, the same in every engine: JavaScript leaves all but one form to each. */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const CLOCK = '(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:\\.\\d+)?)?'
/** 2002-08-22, 2002-08-22T13:17:22+01:00 */
const ISO = new RegExp(`(\\d{4})-(\\d{2})-(\\d{2})(?:[T ]+${CLOCK}\\s*(Z|[+-]\\d{2}:?\\d{2})?)?`, 'i')
/** Thu, 22 Aug 2002 13:17:22 +0100 (RFC 5322) */
const MAIL = new RegExp(`(\\d{1,2})\\s+([a-z]{3})[a-z]*\\s+(\\d{4}|\\d{2})\\s+${CLOCK}\\s*([+-]\\d{4})?`, 'i')
/** Thu Aug 22 13:17:22 2002 (asctime) */
const ASCTIME = new RegExp(`([a-z]{3})\\s+(\\d{1,2})\\s+${CLOCK}\\s+(?:[a-z]{3,4}\\s+)?(\\d{4})`, 'i')

/** Seconds since 1970, or undefined without a date. Where no offset is written, the time is UTC. */
export function readTime(text: string): number | undefined {
  const iso = ISO.exec(text)
  if (iso) return seconds(iso[1], Number(iso[2]) - 1, iso[3], [iso[4], iso[5], iso[6]], iso[7])
  const mail = MAIL.exec(text)
  if (mail) return seconds(fullYear(mail[3]!), monthOf(mail[2]!), mail[1], [mail[4], mail[5], mail[6]], mail[7])
  const asctime = ASCTIME.exec(text)
  if (asctime)
    return seconds(asctime[6], monthOf(asctime[1]!), asctime[2], [asctime[3], asctime[4], asctime[5]], undefined)
  return undefined
}

function monthOf(name: string): number {
  return MONTHS.indexOf(name.toLowerCase())
}

/** Two digits are of 1950 to 2049 (RFC 5322, section 4.3). */
function fullYear(year: string): string {
  if (year.length === 4) return year
  return String(Number(year) + (Number(year) < 50 ? 2000 : 1900))
}

function seconds(
  year: string | undefined,
  month: number,
  day: string | undefined,
  clock: readonly (string | undefined)[],
  offset: string | undefined,
): number | undefined {
  const [hours, minutes, rest] = clock.map((part) => Number(part ?? 0))
  const days = Number(day)
  if (month < 0 || month > 11 || days < 1 || days > 31 || hours! > 24 || minutes! > 59 || rest! > 60) return undefined
  const sign = offset?.startsWith('-') ? -1 : 1
  const digits = offset?.replace(/[^\d]/g, '') ?? ''
  const shift = digits === '' ? 0 : sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60
  return Date.UTC(Number(year), month, days, hours, minutes, rest) / 1000 - shift
}
