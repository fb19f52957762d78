// What the page imports as `./uplot.js` is served from the package of that name.
export { default } from 'uplot'
