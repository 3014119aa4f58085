/** Topic is what the help says about one screen, in one language. */
export interface Topic {
  id: string;
  title: string;
  text: string;
}
