// The contract between operator, agent and engine. Everything under gen/ is generated from proto/ by `npm run gen`.
export * from './gen/quiver/dataplane/v1/admin.ts';
export * from './gen/quiver/dataplane/v1/config_stream.ts';
export * from './gen/quiver/dataplane/v1/enrolment.ts';
export * from './gen/quiver/dataplane/v1/node_config.ts';
export * from './gen/quiver/dataplane/v1/telemetry.ts';
