/** Imported before any schema is made: the content security policy forbids what zod would compile. */
import { z } from 'zod'

z.config({ jitless: true })
