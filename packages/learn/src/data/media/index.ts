// Pictures, sound and text as labelled data: parsers, features and the port of labelled media files. Knows no file system.
export * from './pixels.ts';
