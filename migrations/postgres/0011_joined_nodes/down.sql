DROP TABLE joined_nodes;
DROP TABLE join_tokens;
DROP TABLE node_authority;
