// What goes wrong in a chat template, told in its own words where it has some.

/** What a template refuses (`raise_exception`), and what goes wrong in it. */
export class TemplateFailure extends Error {
  /** Whether the template itself says so, in its own words. */
  readonly isRaised: boolean;

  constructor(message: string, isRaised = false) {
    super(message);
    this.name = 'TemplateFailure';
    this.isRaised = isRaised;
  }
}
