/** @type {import('@hey-api/openapi-ts').UserConfig} */
export default {
  input: '../../openapi.yaml',
  output: { path: 'src/generated', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', { name: '@hey-api/sdk', client: false }],
  logs: { file: false },
};
