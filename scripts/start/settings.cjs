/** Node-RED's settings for `npm start`: on this machine only, and nothing of it goes to the network. */
module.exports = {
  uiHost: '127.0.0.1',
  flowFile: 'flows.json',
  flowFilePretty: true,
  // Installed beside for the tests.
  nodesExcludes: ['node-red-contrib-modbus', '@flowfuse/node-red-dashboard'],
  telemetry: { enabled: false, updateNotification: false },
  externalModules: {
    autoInstall: false,
    palette: { allowInstall: false, allowUpdate: false, allowUpload: false },
  },
  editorTheme: {
    page: { title: 'Node-RED and Atomscale' },
    tours: false,
    palette: { catalogues: [] },
    projects: { enabled: false },
  },
  logging: { console: { level: 'info', metrics: false, audit: false } },
  mqttReconnectTime: 2000,
  debugMaxLength: 1000,
};
