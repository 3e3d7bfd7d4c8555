const manifestName = /\.(?:ya?ml|json)$/i;

/**
 * Whether an entry of the folder is passed over, file or directory: dot-files (which takes in `..data` and the dated
 * directories beside it in a ConfigMap or git-sync mount, whose files are reached through links, `.git`, and the swap files
 * of vim) and what editors leave beside a file while it is being edited (`x.yaml~`, `#x.yaml#`, `x.yaml.swp`, `x.tmp`).
 */
export function isIgnored(name: string): boolean {
  return name.startsWith(".") || name.startsWith("#") || /(?:~|\.swp|\.swx|\.tmp|\.bak|\.orig)$/i.test(name);
}

/** Whether a file of this name holds objects. Any other file of the folder is passed over. */
export function isManifest(name: string): boolean {
  return manifestName.test(name);
}
