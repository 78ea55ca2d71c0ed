/** Who is to be tried. */
export interface Login {
  readonly user: string;
  readonly password: string;
}
