/** Which fleet a caller tries first. Pure. */

export interface Position {
  /** Degrees, north positive. */
  readonly latitude: number
  /** Degrees, east positive. */
  readonly longitude: number
}

export interface Region {
  readonly name: string
  /** Where its nodes stand; a region without one is tried after those that have one. */
  readonly position?: Position
}

/**
 * The names of `regions` in the order to try them: nearest to the caller first, then those whose
 * place is not known, as listed. As listed altogether when the caller's place is not known.
 */
export function regionOrder(
  regions: readonly Region[],
  caller: Position | undefined,
): readonly string[] {
  if (caller === undefined) return regions.map(({ name }) => name)
  return regions
    .map(({ name, position }) => ({
      name,
      distance: position === undefined ? Infinity : centralAngle(position, caller),
    }))
    .toSorted((a, b) => (a.distance === b.distance ? 0 : a.distance - b.distance))
    .map(({ name }) => name)
}

/** `names` with `first`, which is one of them, before the others. */
export function withFirst(names: readonly string[], first: string): readonly string[] {
  return [first, ...names.filter((name) => name !== first)]
}

/** The angle between two places seen from the middle of the earth, in radians (haversine). */
export function centralAngle(a: Position, b: Position): number {
  const [fromLatitude, toLatitude] = [radians(a.latitude), radians(b.latitude)]
  const haversine =
    halfChordSquared(toLatitude - fromLatitude) +
    Math.cos(fromLatitude) *
      Math.cos(toLatitude) *
      halfChordSquared(radians(b.longitude - a.longitude))
  // Rounding can carry antipodes a hair over 1, where asin has no answer.
  return 2 * Math.asin(Math.min(1, Math.sqrt(haversine)))
}

function halfChordSquared(angle: number): number {
  return Math.sin(angle / 2) ** 2
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
