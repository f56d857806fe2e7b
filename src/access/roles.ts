/**
 * The roles that a key may have, and what each of them may do.
 */
import type { Permission } from '../model/permission.ts'

export const roles = ['viewer', 'consumer', 'editor', 'admin'] as const
export type Role = (typeof roles)[number]

const viewer: readonly Permission[] = ['open', 'read-metadata', 'dry-run']
const consumer: readonly Permission[] = [...viewer, 'read-features']
const editor: readonly Permission[] = [...consumer, 'write-events']

const permissions: Readonly<Record<Role, readonly Permission[]>> = {
  viewer,
  consumer,
  editor,
  admin: [...editor, 'administer'],
}

export function isRole(text: unknown): text is Role {
  return roles.some((role) => role === text)
}

export function may(role: Role, permission: Permission): boolean {
  return permissions[role].includes(permission)
}
