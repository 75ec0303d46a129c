// Loaded before every entry point with --import. Plain JavaScript, so that an old Node answers in
// one clear line instead of ERR_UNKNOWN_FILE_EXTENSION: it can't read .ts files.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `amiferry needs Node 22.18 or newer (24 is best), and this is ${process.version}. ` +
      `Run "npm ci" without --omit=dev and --ignore-scripts (it brings Node 24 for npm scripts), or install Node 24.\n`,
  );
  process.exit(1);
}
