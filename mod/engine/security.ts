/** From what was asked for concerning a container to what its processes may do on this host. @module */

import type { ContainerConfig } from "../container/config.ts";
import { DEFAULT_PROCESS_SECURITY, type ProcessSecurity } from "../container/process_security.ts";
import { readAvailableCapabilities } from "../kernel/capability.ts";

/** What a container's first process and its health checks may do. */
export function containerSecurity(_config: ContainerConfig): ProcessSecurity {
  return DEFAULT_PROCESS_SECURITY;
}

/** What one more process of a container may do. */
export function execSecurity(
  config: ContainerConfig,
  { isPrivileged = false }: { isPrivileged?: boolean },
): ProcessSecurity {
  const security = containerSecurity(config);
  return isPrivileged ? { ...security, capabilities: readAvailableCapabilities() } : security;
}
