// Configuration of the server: one schema, four sources, clear refusals.
export type { ConfigFileReader } from './config-file.ts';
export { type LoadConfigOptions, loadConfig } from './load.ts';
export { isLoopbackHost } from './loopback.ts';
export { describeConfig, environmentName, flagName, type SettingDescription } from './names.ts';
export type { Config, ConfigKey } from './settings.ts';
