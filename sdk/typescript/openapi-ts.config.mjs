/** @type {import('@hey-api/openapi-ts').UserConfig} */
export default {
  input: '../../.cache/sdk/openapi.yaml', // made by sdk/generate.sh
  output: { path: 'src/generated', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', { name: '@hey-api/sdk', client: false }],
  logs: { file: false },
};
