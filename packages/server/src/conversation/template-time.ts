// Times as Python's strftime writes them, of which templates ask for today's date. English names, as everywhere in prompts.
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** @param format - `%d %b %Y`; what it does not know stays as it is */
export function formatTime(time: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (whole, dash: string, letter: string) => {
    const text = field(time, letter);
    return text === null ? whole : dash === '-' ? text.replace(/^0+(?=\d)/, '') : text;
  });
}

function field(time: Date, letter: string): string | null {
  const two = (number: number): string => String(number).padStart(2, '0');
  const month = MONTHS[time.getMonth()] ?? '';
  const day = DAYS[time.getDay()] ?? '';
  switch (letter) {
    case 'Y':
      return String(time.getFullYear());
    case 'y':
      return two(time.getFullYear() % 100);
    case 'm':
      return two(time.getMonth() + 1);
    case 'B':
      return month;
    case 'b':
      return month.slice(0, 3);
    case 'd':
      return two(time.getDate());
    case 'e':
      return String(time.getDate()).padStart(2, ' ');
    case 'A':
      return day;
    case 'a':
      return day.slice(0, 3);
    case 'H':
      return two(time.getHours());
    case 'I':
      return two(time.getHours() % 12 || 12);
    case 'p':
      return time.getHours() < 12 ? 'AM' : 'PM';
    case 'M':
      return two(time.getMinutes());
    case 'S':
      return two(time.getSeconds());
    case '%':
      return '%';
    default:
      return null;
  }
}
