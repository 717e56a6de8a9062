/*
 * MCP's streamable HTTP on a path of the HTTP door: the sessions that it keeps between requests.
 *
 *     door->mcp = pa_http_mcp_new();
 *     ... pa_http_post_mcp, pa_http_delete_mcp, from the table of routes ...
 *     pa_http_mcp_free(door->mcp);          once no request is left
 */
#ifndef PA_SERVER_HTTP_MCP_H
#define PA_SERVER_HTTP_MCP_H

#include "server/http/http_internal.h"

struct pa_http_mcp *pa_http_mcp_new(void);
struct pa_http_mcp *pa_http_mcp_free(struct pa_http_mcp *table);

pa_http_handler pa_http_post_mcp, pa_http_delete_mcp;

#endif
