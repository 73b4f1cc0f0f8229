/** The languages ONNX Runtime is used from. */
import type { Language } from './context'
import { cpp } from './cpp'
import { javascript } from './javascript'
import { kotlin } from './kotlin'
import { python } from './python'
import { swift } from './swift'

export const LANGUAGES: readonly Language[] = [kotlin, swift, javascript, python, cpp]
