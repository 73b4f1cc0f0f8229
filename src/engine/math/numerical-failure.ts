/** A computation that these numbers do not allow: what is told is a fact about them, and no fault of whoever asked. */
export class NumericalFailure extends RangeError {}
