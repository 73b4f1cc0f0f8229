/** npm runs the checkout's scripts in the checkout; paths of a command line are meant where its user stands. */
export function goToCaller() {
  const { npm_lifecycle_event: byNpm, INIT_CWD: caller } = process.env
  if (byNpm && caller) process.chdir(caller)
}
