/** A sentence on why a model cannot be written in C. It is caught where the form is written. */
export class Unsupported extends Error {}
