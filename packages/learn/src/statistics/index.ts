// Random numbers and estimates from samples; knows no data sets and no models.
export * from './random.ts';
