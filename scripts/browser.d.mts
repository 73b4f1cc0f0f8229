/** Path of a browser for the e2e tests, installed where it must. Throws a sentence where none can be had. */
export function ensureBrowser(): Promise<string>
