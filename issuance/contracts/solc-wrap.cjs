#!/usr/bin/env node
// Lets forge drive the compiler from npm: it answers --version and --standard-json like solc does.
// The plain solcjs command knows neither the arguments forge adds nor its version line.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const solc = require(path.join(__dirname, "node_modules", "solc"));

if (process.argv.includes("--version")) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, "");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write("solc-wrap.cjs understands --version and --standard-json\n");
  process.exitCode = 2;
}
