// A POST to the operators' side of a server on this machine. In a game the engine does this.

#ifndef STERNA_TEST_HTTP_H
#define STERNA_TEST_HTTP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

struct Answer {
    int status = 0; // 0: none came
    std::string body;
};

/// `url` is `http://127.0.0.1:7990/some/path`.
inline Answer Post(const std::string &url, const std::string &content)
{
    Answer answer;
    const std::string scheme = "http://";
    const std::size_t slash = url.find('/', scheme.size());
    const std::string address = url.substr(scheme.size(), slash - scheme.size());
    const std::size_t colon = address.rfind(':');
    sockaddr_in to = sockaddr_in();
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    const int link = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1 ||
        connect(link, reinterpret_cast<const sockaddr *>(&to), sizeof to) != 0) {
        close(link);
        return answer;
    }
    const std::string request = "POST " + url.substr(slash) + " HTTP/1.1\r\nHost: " + address +
                                "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                                std::to_string(content.size()) + "\r\n\r\n" + content;
    std::size_t written = 0;
    while (written < request.size()) {
        const ssize_t count = write(link, request.data() + written, request.size() - written);
        if (count <= 0) {
            break;
        }
        written += static_cast<std::size_t>(count);
    }
    std::string said;
    char piece[4096];
    for (ssize_t count = 0; (count = read(link, piece, sizeof piece)) > 0;) {
        said.append(piece, static_cast<std::size_t>(count));
    }
    close(link);
    const std::size_t space = said.find(' ');
    const std::size_t end = said.find("\r\n\r\n");
    if (space != std::string::npos && end != std::string::npos) {
        answer.status = std::atoi(said.c_str() + space + 1);
        answer.body = said.substr(end + 4);
    }
    return answer;
}

#endif // STERNA_TEST_HTTP_H
