/** WANTED is how many guesses a password has to withstand, as a power of ten. */
export const WANTED = 14;

export interface Strength {
  /** The power of ten of the guesses. */
  guesses: number;
  enough: boolean;
  /** It is on the list of passwords that were breached, or close to one. */
  breached: boolean;
}
