/** Path of a browser. Throws a sentence that says what to do where none can be had. */
export function ensureBrowser(): Promise<string>
