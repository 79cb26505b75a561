/** Resolves when all that was written has left the process: pipes are asynchronous. */
export function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve()
    else {
      stream.once('error', () => resolve())
      stream.write('', () => resolve())
    }
  })
}
