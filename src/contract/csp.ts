/** The one content security policy of the window, in Electron and in the browser alike. */

/**
 * Of the empty-sized viewport style that bits-ui writes as an attribute on a list of commands. All other styles
 * are set through the CSSOM, which a policy does not touch.
 */
const COMMAND_LIST_STYLE = "'sha256-iaOezIDcQIoxCULa6FBKKuLUu09R7kG+Mlu+JVfU3Rw='"

/** `connect` names what the page may speak to besides its own origin. */
export const contentSecurityPolicy = (...connect: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'unsafe-hashes' ${COMMAND_LIST_STYLE}`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "worker-src 'self'",
    ["connect-src 'self'", ...connect].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
