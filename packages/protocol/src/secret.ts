import * as v from 'valibot'

const PLACEHOLDER = /change.?me|place.?holder|example|your[-_ ]|secret|password|x{6}|<|>|\.\.\./i

/**
 * A shared secret: at least 32 characters of `[A-Za-z0-9_-]`, so that it stands unquoted in every
 * configuration file, and not one that was copied from an example. The value is never in a message.
 */
export const secretSchema = v.pipe(
  v.string(),
  v.check(
    (value) => !PLACEHOLDER.test(value),
    'is a placeholder: make a real one (openssl rand -hex 32)',
  ),
  v.check(
    (value) => new Set(value).size >= 8,
    'repeats itself: make a real one (openssl rand -hex 32)',
  ),
  v.regex(
    /^[A-Za-z0-9_-]{32,}$/,
    'must be at least 32 characters of A-Z a-z 0-9 _ - (openssl rand -hex 32)',
  ),
)
