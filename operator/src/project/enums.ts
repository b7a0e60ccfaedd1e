import {
  AccessAction,
  Cipher,
  Encryption,
  HealthProbe,
  Integrity,
  MetadataProtection,
  Rejection,
  Scope,
  ServiceMatch,
  Spread,
  TargetSource,
  Transport,
} from '@quiver/dataplane-api';

/** The words of the intermediate representation and their protobuf values. */
export const metadataProtection = {
  Sealed: MetadataProtection.METADATA_PROTECTION_SEALED,
  Signed: MetadataProtection.METADATA_PROTECTION_SIGNED,
} as const;

export const cipher = {
  'AES-256-GCM': Cipher.CIPHER_AES_256_GCM,
  'AES-256-CBC-HMAC-SHA256-128': Cipher.CIPHER_AES_256_CBC_HMAC_SHA256_128,
} as const;

export const rejection = { Tell: Rejection.REJECTION_TELL, Silent: Rejection.REJECTION_SILENT } as const;

export const serviceMatch = {
  BestOnly: ServiceMatch.SERVICE_MATCH_BEST_ONLY,
  Any: ServiceMatch.SERVICE_MATCH_ANY,
} as const;

export const accessAction = {
  Allow: AccessAction.ACCESS_ACTION_ALLOW,
  Deny: AccessAction.ACCESS_ACTION_DENY,
} as const;

export const scope = { Private: Scope.SCOPE_PRIVATE, Public: Scope.SCOPE_PUBLIC } as const;

export const encryption = {
  Adaptive: Encryption.ENCRYPTION_ADAPTIVE,
  Always: Encryption.ENCRYPTION_ALWAYS,
  Never: Encryption.ENCRYPTION_NEVER,
} as const;

export const integrity = {
  Metadata: Integrity.INTEGRITY_METADATA,
  PerPacket: Integrity.INTEGRITY_PER_PACKET,
} as const;

export const spread = { Hunt: Spread.SPREAD_HUNT, Proportional: Spread.SPREAD_PROPORTIONAL } as const;

export const targetSource = {
  ReturnPool: TargetSource.TARGET_SOURCE_RETURN_POOL,
  Node: TargetSource.TARGET_SOURCE_NODE,
  Preserve: TargetSource.TARGET_SOURCE_PRESERVE,
} as const;

export const transport = {
  Auto: Transport.TRANSPORT_AUTO,
  Native: Transport.TRANSPORT_NATIVE,
  UDP: Transport.TRANSPORT_UDP,
} as const;

export const healthProbe = {
  TCP: HealthProbe.HEALTH_PROBE_TCP,
  HTTP: HealthProbe.HEALTH_PROBE_HTTP,
} as const;
