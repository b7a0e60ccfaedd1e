/** What errors of sockets, TLS and WebSockets have to say; some come as events, some with several causes. */
export function reasonOf(caught: unknown): string {
  const { message, errors, error } = caught as { message?: string; errors?: readonly Error[]; error?: Error };
  if (message !== undefined && message !== '') return message;
  return error?.message ?? errors?.map((one) => one.message).join('; ') ?? String(caught);
}
