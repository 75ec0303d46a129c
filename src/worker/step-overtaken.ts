/** Another worker has taken the step over and ended it: there is nothing left to do here, and nothing to be undone. */
export class StepOvertaken extends Error {
  override name = 'StepOvertaken';
}
