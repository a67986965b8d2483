// Makes ../page/litert from what npm installed here. The same versions give the same bytes.
//
// LiteRT.js loads its WebAssembly with importScripts, so it becomes one classic script with a global `litert`. Of its four WebAssembly files the
// page takes the one without relaxed SIMD, which LiteRT.js itself takes where a browser lacks that: one file for all, and it was as fast as the
// other (100 and 101 ms a frame of the sign detector). Everything is compressed here once; the server sends it as it is.
import {readFileSync, rmSync, mkdirSync, writeFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';
import {buildSync} from 'esbuild';

const OUT = new URL('../page/litert/', import.meta.url);
const PACKAGE = new URL('node_modules/@litertjs/core/', import.meta.url);
const WASM = 'litert_wasm_compat_internal';

const keep = (name, data) => {
  writeFileSync(new URL(`${name}.gz`, OUT), gzipSync(data, {level: 9}));
  console.log(name, data.length, 'bytes');
};

rmSync(OUT, {recursive: true, force: true});
mkdirSync(OUT);
const script = buildSync({
  stdin: {contents: "export {loadLiteRt, loadAndCompile, Tensor} from '@litertjs/core';", resolveDir: '.'},
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'litert',
  legalComments: 'inline',
  write: false,
});
keep('litert.js', script.outputFiles[0].contents);
for (const suffix of ['js', 'wasm']) keep(`${WASM}.${suffix}`, readFileSync(new URL(`wasm/${WASM}.${suffix}`, PACKAGE)));
const {version, license} = JSON.parse(readFileSync(new URL('package.json', PACKAGE)));
writeFileSync(new URL('NOTICE', OUT), `LiteRT.js ${version}, Copyright Google LLC, ${license}; unchanged but for bundling and compression.\n`);
