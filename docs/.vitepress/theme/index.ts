/** The theme as it comes, with fonts of the reader's system: nothing is fetched. */
export { default } from 'vitepress/theme-without-fonts'
